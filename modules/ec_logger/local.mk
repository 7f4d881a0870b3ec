# ec_logger
