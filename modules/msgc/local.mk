# msgc_server, msgc_client: the documented stanzas that name the cluster's members
module_LTLIBRARIES += %D%/msgc_server.la %D%/msgc_client.la
%C%_msgc_server_la_SOURCES = %D%/msgc_server.c %D%/msgc.h
%C%_msgc_server_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
%C%_msgc_client_la_SOURCES = %D%/msgc_client.c %D%/msgc.h
%C%_msgc_client_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
