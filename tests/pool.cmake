unit_test(ring LIBS pool WRAP calloc)
unit_test(cancel LIBS pool WRAP eventfd)
unit_test(pool LIBS pool WRAP pthread_cond_wait pthread_cond_timedwait)
unit_test(pool_end LIBS pool WRAP pthread_cond_wait pthread_cond_timedwait)
unit_test(pool_future LIBS pool WRAP pthread_cond_wait pthread_cond_timedwait)
unit_test(pool_inside LIBS pool)
unit_test(pool_faults LIBS pool
          WRAP pthread_create pthread_cond_init pthread_mutex_init malloc calloc
               eventfd)
unit_test(pool_load LIBS pool)

add_executable(pool_idle bench/pool_idle.c)
target_link_libraries(pool_idle PRIVATE pool build_flags)
add_test(NAME bench.pool_idle COMMAND pool_idle)
set_tests_properties(bench.pool_idle PROPERTIES TIMEOUT 600 LABELS bench)
