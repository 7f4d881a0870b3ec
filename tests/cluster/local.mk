# tests/cluster: nodes with a real corosync each, in network namespaces
EXTRA_DIST += %D%/clusterlab.py
EXTRA_DIST += %D%/conftest.py
EXTRA_DIST += %D%/test_manager.py
EXTRA_DIST += %D%/test_membership.py
EXTRA_DIST += %D%/test_sizes.py
EXTRA_DIST += %D%/test_subclusters.py
EXTRA_DIST += %D%/test_config.py
EXTRA_DIST += %D%/test_quickstart.py
EXTRA_DIST += %D%/test_modules.py
EXTRA_DIST += %D%/test_shared.py
EXTRA_DIST += %D%/slotfaults.py
EXTRA_DIST += %D%/slotlab.py
EXTRA_DIST += %D%/test_limits.py
EXTRA_DIST += %D%/test_throttles.py
EXTRA_DIST += %D%/test_strangers.py
if HAVE_COROSYNC
noinst_PROGRAMS += %D%/stranger
%C%_stranger_SOURCES = %D%/stranger.c
%C%_stranger_CPPFLAGS = $(COROSYNC_CFLAGS)
%C%_stranger_LDADD = $(COROSYNC_LIBS)
endif
