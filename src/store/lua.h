#ifndef GP_STORE_LUA_H
#define GP_STORE_LUA_H

/* The texts of src/store/lua/<name>.lua, embedded by the Makefile. */
extern const char store_script_commit[];
extern const char store_script_confirm[];
extern const char store_script_heads[];
extern const char store_script_hold[];
extern const char store_script_load[];
extern const char store_script_retire[];
extern const char store_script_upgrade[];

#endif
