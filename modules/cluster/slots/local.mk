# The part of the node that brings units to the server's gates.  Apart from libcluster: it needs gates and a node.
noinst_LTLIBRARIES += libclusterslots.la
libclusterslots_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
libclusterslots_la_SOURCES = %D%/slots.c %D%/slots.h %D%/slot.c %D%/slot.h
