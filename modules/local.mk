# modules: one folder each; the pages are installed beside the manual
moduledocdir = $(docdir)/modules
dist_moduledoc_DATA =
include modules/cluster/local.mk
include modules/msgc/local.mk
include modules/ec_logger/local.mk
include modules/bounce_logger/local.mk
include modules/json_logger/local.mk
include modules/custom_logger/local.mk
include modules/bounce_classifier/local.mk
include modules/inbound_audit/local.mk
