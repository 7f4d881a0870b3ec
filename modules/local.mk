include modules/ec_logger/local.mk
