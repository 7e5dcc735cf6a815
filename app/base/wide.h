/* wide.h - 128-bit integers, which ISO C has no name for: products of two 64-bit numbers. */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

#endif
