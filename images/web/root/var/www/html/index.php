<?php
// How often, and when last, each source has added its row. Without the database the page is an error, and the health check sees it.
header('Content-Type: text/plain');
try {
	$database = new PDO('mysql:unix_socket=/run/mysqld/mysqld.sock;dbname=web', 'www-data');
	foreach ($database->query('SELECT source, COUNT(*) AS beats, MAX(at) AS last FROM beat GROUP BY source ORDER BY source') as $row) {
		printf("%s %d %s\n", $row['source'], $row['beats'], $row['last']);
	}
} catch (PDOException $e) {
	http_response_code(503);
	echo $e->getMessage(), "\n";
}
