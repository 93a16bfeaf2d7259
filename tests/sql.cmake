unit_test(dsn LIBS sql)
unit_test(optionfile LIBS sql WRAP read __read_chk)
unit_test(askpass LIBS sql)
unit_test(locate LIBS sql)
unit_test(row LIBS sql)
unit_test(group LIBS sql WRAP pthread_cond_wait)
unit_test(writer LIBS sql)
unit_test(sqlite SOURCES db_read.c
          LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE
          WRAP statfs sqlite3_busy_timeout sqlite3_wal_checkpoint_v2)
# On SQLite; with SSHINV_TEST_DB=mysql://… the same on that database, whose
# tables they drop.
foreach(test store store_load store_schema)
  unit_test(${test} SOURCES db_read.c store_fixture.c
            LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE)
endforeach()
