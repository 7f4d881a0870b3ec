# ec_logger: mainlog, paniclog and rejectlog.  What it needs of the server is found in the process that loads it.
module_LTLIBRARIES += %D%/ec_logger.la
%C%_ec_logger_la_SOURCES = %D%/ec_logger.c %D%/format.c %D%/format.h
%C%_ec_logger_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
dist_moduledoc_DATA += %D%/ec_logger.md
