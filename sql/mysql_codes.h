#pragma once

#include "sql/backend.h"

/* What an error number of a MySQL or MariaDB server, or of their libraries,
 * means to us. */
enum db_result mysql_meaning(unsigned number);
