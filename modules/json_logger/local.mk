# json_logger: what happens to messages, one JSON object a line
module_LTLIBRARIES += %D%/json_logger.la
%C%_json_logger_la_SOURCES = %D%/json_logger.c %D%/format.c %D%/format.h
%C%_json_logger_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -export-symbols-regex '^ec_module_export$$'
dist_moduledoc_DATA += %D%/json_logger.md
