unit_test(dsn LIBS sql)
unit_test(optionfile LIBS sql WRAP read __read_chk)
unit_test(locate LIBS sql)
unit_test(row LIBS sql)
unit_test(group LIBS sql WRAP pthread_cond_wait)
unit_test(mysql_codes LIBS sql)
unit_test(writer SOURCES writer_fixture.c LIBS sql)
unit_test(writer_patience SOURCES writer_fixture.c LIBS sql)
unit_test(spool SOURCES db_read.c LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE)
unit_test(sqlite SOURCES db_read.c
          LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE
          WRAP statfs sqlite3_busy_timeout sqlite3_wal_checkpoint_v2)
# On SQLite; with SSHINV_TEST_DB=mysql://… the same on that database, whose
# tables they drop.
foreach(test store store_load store_schema)
  unit_test(${test} SOURCES db_read.c store_fixture.c
            LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE)
endforeach()
foreach(test replay replay_order resume store_pins)
  unit_test(${test} SOURCES db_read.c spool_fixture.c store_fixture.c
            LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE)
endforeach()

unit_test(replay_end SOURCES db_read.c spool_fixture.c store_fixture.c
          LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE
          WRAP writer_write unlink sqlite3_step mysql_stmt_execute)
foreach(test store_spool store_switch)
  unit_test(${test} LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE
            SOURCES db_read.c run_fixture.c spool_fixture.c store_fixture.c)
endforeach()

# A server that is away, through a relay: the first one has none behind it.
unit_test(mysql_connect SOURCES relay.c LIBS sql PkgConfig::MYSQL
          WRAP pthread_create eventfd)
unit_test(store_away SOURCES db_read.c relay.c run_fixture.c spool_fixture.c
                             store_fixture.c
          LIBS sql PkgConfig::MYSQL PkgConfig::SQLITE)
