# server/smtp/out
