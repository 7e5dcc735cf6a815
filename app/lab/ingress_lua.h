/* ingress_lua.h - the text of ingress.lua, which the build makes a string of.
 *
 * Threads: constant data.
 */
#ifndef LAB_INGRESS_LUA_H
#define LAB_INGRESS_LUA_H

extern const char ingress_lua[];

#endif
