# server/smtp: what both sides share (reply, address); the sides share no states
include server/smtp/in/local.mk
include server/smtp/out/local.mk
