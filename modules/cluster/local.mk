# cluster: the parts that need no server, in rooms (README.md).  A convenience library: unit tests and the simulator link it.
noinst_LTLIBRARIES += libcluster.la
libcluster_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
libcluster_la_SOURCES = %D%/bus/bus.h \
  %D%/wire/wire.c %D%/wire/wire.h %D%/wire/message.c %D%/wire/message.h %D%/wire/refusals.c %D%/wire/refusals.h \
  %D%/lease/lease.c %D%/lease/lease.h %D%/lease/clock.c %D%/lease/clock.h \
  %D%/view/settle.c %D%/view/settle.h \
  %D%/machine/machine.h %D%/machine/mutant.h %D%/machine/table.c %D%/machine/table.h \
  %D%/machine/replica.c %D%/machine/replica.h %D%/machine/replica_private.h \
  %D%/machine/ring.c %D%/machine/snapshot.c %D%/machine/events.c \
  %D%/limit/limit.c %D%/limit/limit.h %D%/limit/fair.c %D%/limit/private.h %D%/limit/client.c %D%/limit/client.h \
  %D%/throttle/throttle.c %D%/throttle/throttle.h \
  %D%/gauge/gauge.c %D%/gauge/gauge.h %D%/cidr/cidr.c %D%/cidr/cidr.h %D%/cache/cache.c %D%/cache/cache.h \
  %D%/node/members.c %D%/node/members.h %D%/group/group.c %D%/group/group.h %D%/metrics/metrics.c %D%/metrics/metrics.h %D%/shared/bundle.c %D%/shared/bundle.h \
  %D%/remote/tree.c %D%/remote/tree.h %D%/remote/protocol.c %D%/remote/protocol.h %D%/remote/asking.c %D%/remote/asking.h \
  %D%/remote/replies.c %D%/remote/replies.h %D%/remote/merge.c %D%/remote/merge.h %D%/remote/outbox.c %D%/remote/outbox.h
libcluster_la_LIBADD = $(APR_LIBS)

# Apart from the library above: needs the server's gates, and a node.
noinst_LTLIBRARIES += libclusterslots.la
libclusterslots_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
libclusterslots_la_SOURCES = %D%/slots/slots.c %D%/slots/slots.h %D%/slots/slot.c %D%/slots/slot.h

if HAVE_COROSYNC
noinst_LTLIBRARIES += libclustercpg.la
libclustercpg_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules $(COROSYNC_CFLAGS)
libclustercpg_la_SOURCES = %D%/bus_cpg/bus_cpg.c %D%/bus_cpg/bus_cpg.h \
  %D%/node/node.c %D%/node/node.h %D%/node/link.c %D%/node/link.h
libclustercpg_la_LIBADD = $(COROSYNC_LIBS)

module_LTLIBRARIES += %D%/cluster.la
%C%_cluster_la_SOURCES = %D%/slots/show.c %D%/module.c %D%/module.h %D%/commands.c \
  %D%/shared/shared.c %D%/shared/shared.h %D%/shared/inside.h %D%/shared/stanzas.c %D%/shared/inbound.c %D%/shared/show.c \
  %D%/shared/tally.c %D%/shared/tally.h %D%/group/api.c %D%/group/api.h \
  %D%/remote/remote.c %D%/remote/remote.h %D%/remote/store.c %D%/remote/store.h %D%/remote/commands.c
%C%_cluster_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules $(COROSYNC_CFLAGS)
%C%_cluster_la_LIBADD = libclusterslots.la libcluster.la libclustercpg.la
%C%_cluster_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
endif

# The simulated bus is for tests: of this module and of others that use it.
noinst_LTLIBRARIES += libclustersim.la
libclustersim_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
libclustersim_la_SOURCES = %D%/bus_sim/bus_sim.c %D%/bus_sim/bus_sim.h %D%/bus_sim/parts.h %D%/bus_sim/rings.c
EXTRA_DIST += %D%/README.md
dist_moduledoc_DATA += %D%/cluster.md
