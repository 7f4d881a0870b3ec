# tests/sim: the cluster's machines on the simulated bus.  Compiled apart from the library, with the rules that can be
# broken on purpose (modules/cluster/machine/mutant.h).
check_PROGRAMS += %D%/sim
%C%_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules -DCLUSTER_MUTANTS
%C%_sim_SOURCES = %D%/sim.c %D%/storm.c %D%/peace.c %D%/world.c %D%/checks.c %D%/world.h $(libcluster_la_SOURCES) $(libclustersim_la_SOURCES)
%C%_sim_LDADD = libserver.la
EXTRA_DIST += %D%/mutants.sh
if !SANITIZE
TESTS += %D%/mutants.sh
endif
