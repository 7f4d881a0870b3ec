# inbound_audit: counts of each sending address by windows of time
module_LTLIBRARIES += %D%/inbound_audit.la
%C%_inbound_audit_la_SOURCES = %D%/inbound_audit.c %D%/audit.h %D%/commands.c %D%/store.c %D%/store.h
%C%_inbound_audit_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
dist_moduledoc_DATA += %D%/inbound_audit.md
