# server/smtp/in
