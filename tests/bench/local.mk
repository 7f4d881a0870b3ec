# The benchmark's own programs.
noinst_PROGRAMS += %D%/floor/floor
%C%_floor_floor_SOURCES = $(load_common) %D%/floor/floor.c
