#!/usr/bin/env python3
"""What the Lua of the lab's ingress does with a backend, by LuaJIT itself: nginx's part is written here.

usage: ingress_balance.py INGRESS.LUA

Prints TAP; skipped where there is no libluajit, which comes with nginx's Lua module.
"""
import ctypes
import ctypes.util
import pathlib
import sys

SCRIPT = r"""
local peers, tries, stored = {}, 0, nil
package.preload["ngx.balancer"] = function()
    return {set_more_tries = function(n) tries = tries + n end,
            set_current_peer = function(host, port) table.insert(peers, host .. ":" .. port); return true end}
end
ngx = {
    shared = {backends = {get = function() return stored end}},
    worker = {id = function() return 0 end, pid = function() return 1 end},
    timer = {every = function(_, work) ngx.look = work end},
    now = function() return 0 end, exit = function(code) return code end,
    var = {backend = "b"}, ctx = {}, log = function() end,
}
local ingress = assert(loadfile(PATH))()
ingress.start_s, ingress.start_ns, ingress.look_s, ingress.pod, ingress.truth = 0, 0, 1, "p", "/dev/null"
stored = "b 10.0.0.1|80 10.0.0.2|80\n"
ingress.work()
local out = {}
local function note(what, value) table.insert(out, what .. "=" .. tostring(value)) end
note("check", ingress.check())
note("balance", ingress.balance())
note("again", ingress.balance())
note("peers", #peers == 2 and peers[1] ~= peers[2])
note("tries", tries)
stored = "b\n"
ngx.look()
note("emptied", ingress.balance())
note("nobody", ingress.check())
stored = "other 10.0.0.3|80\n"
ngx.look()
note("gone", ingress.balance())
return table.concat(out, " ")
"""
EXPECTED = "check=nil balance=nil again=nil peers=true tries=2 emptied=502 nobody=503 gone=502"


def run(lua, script):
    lua.luaL_newstate.restype = ctypes.c_void_p
    lua.lua_tolstring.restype = ctypes.c_char_p
    state = ctypes.c_void_p(lua.luaL_newstate())
    lua.luaL_openlibs(state)
    if lua.luaL_loadstring(state, script.encode()) == 0:
        lua.lua_pcall(state, 0, 1, 0)
    said = lua.lua_tolstring(state, -1, None).decode()
    lua.lua_close(state)
    return said


def main():
    name = ctypes.util.find_library("luajit-5.1")
    if name is None:
        print("1..0 # SKIP no libluajit")
        return
    path = str(pathlib.Path(sys.argv[1]).resolve())
    said = run(ctypes.CDLL(name), f"local PATH = [[{path}]]\n{SCRIPT}")
    print(f"{'ok' if said == EXPECTED else 'not ok'} 1 - a backend that has emptied is a bad gateway, and no error of ours")
    if said != EXPECTED:
        print(f"# {said}")
    print("1..1")


main()
