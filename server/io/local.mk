# server/io
