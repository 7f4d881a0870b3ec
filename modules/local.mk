include modules/cluster/local.mk
include modules/ec_logger/local.mk
