CREATE DATABASE IF NOT EXISTS web;
CREATE TABLE IF NOT EXISTS web.beat (source VARCHAR(16) NOT NULL, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
-- Who runs as www-data is let in by the kernel's word for it: there is no password.
CREATE USER IF NOT EXISTS 'www-data'@localhost IDENTIFIED VIA unix_socket;
GRANT SELECT, INSERT ON web.* TO 'www-data'@localhost;
