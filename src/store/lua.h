#ifndef GP_STORE_LUA_H
#define GP_STORE_LUA_H

/* The text of src/store/lua/commit.lua, embedded by the Makefile. */
extern const char store_script_commit[];

#endif
