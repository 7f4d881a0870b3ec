# tests/sim: the cluster's machines on the simulated bus.  Compiled apart from the library, with the rules that can be
# broken on purpose (modules/cluster/machine/mutant.h).
check_LTLIBRARIES += libclustermutants.la
libclustermutants_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules -DCLUSTER_MUTANTS
libclustermutants_la_SOURCES = $(libcluster_la_SOURCES) $(libclustersim_la_SOURCES) $(libclusterslots_la_SOURCES)
check_PROGRAMS += %D%/sim
%C%_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules -DCLUSTER_MUTANTS
%C%_sim_SOURCES = %D%/sim.c %D%/storm.c %D%/peace.c %D%/world.c %D%/checks.c %D%/world.h %D%/directed.c %D%/directed.h
%C%_sim_LDADD = libclustermutants.la libserver.la
EXTRA_DIST += %D%/mutants.sh
if !SANITIZE
TESTS += %D%/mutants.sh
endif
