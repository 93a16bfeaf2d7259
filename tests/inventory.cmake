unit_test(askpass LIBS inventory)
unit_test(err LIBS inventory)
unit_test(sshconfig SOURCES sshconfig_fixture.c LIBS inventory)
unit_test(sshconfig_files SOURCES sshconfig_fixture.c LIBS inventory)
# Against ssh -G, where there is one.
unit_test(sshconfig_ssh SOURCES sshconfig_compare.c sshconfig_fixture.c
          LIBS inventory)
set_tests_properties(unit.sshconfig_ssh PROPERTIES SKIP_RETURN_CODE 77)
unit_test(utf8 LIBS inventory)
unit_test(host LIBS inventory)
unit_test(host_login LIBS inventory)
unit_test(hostfile LIBS inventory WRAP read __read_chk)
unit_test(hostfile_memory LIBS inventory WRAP calloc strdup poll)
unit_test(hostfile_wake LIBS inventory)
unit_test(hostset LIBS inventory WRAP calloc)
unit_test(range LIBS inventory)
unit_test(pattern LIBS inventory)
unit_test(network LIBS inventory)
unit_test(targets LIBS inventory)
unit_test(targets_memory LIBS inventory
          WRAP malloc calloc reallocarray strdup strndup free)
unit_test(shuffle LIBS inventory WRAP getrandom)
unit_test(ansible LIBS inventory)
unit_test(ansible_values LIBS inventory)
unit_test(ansible_way LIBS inventory)
foreach(test hostkey knownhosts_line)
  unit_test(${test} SOURCES known_fixture.c LIBS inventory PkgConfig::CRYPTO)
endforeach()
foreach(test knownhosts knownhosts_file)
  unit_test(${test} SOURCES known_fixture.c knownhosts_fixture.c
            LIBS inventory PkgConfig::CRYPTO)
endforeach()
unit_test(knownhosts_memory SOURCES known_fixture.c knownhosts_fixture.c
          LIBS inventory PkgConfig::CRYPTO
          WRAP malloc calloc realloc strdup strndup)
unit_test(pins LIBS inventory)
unit_test(frame LIBS inventory WRAP getrandom malloc)
unit_test(frame_shells LIBS inventory)
unit_test(prompt LIBS inventory)
unit_test(ssh_packets LIBS inventory)
unit_test(guard LIBS inventory)
unit_test(guard_wait LIBS inventory WRAP poll eventfd)
unit_test(guard_crowd LIBS inventory)
unit_test(greeting LIBS inventory WRAP malloc)
unit_test(greeting_key LIBS inventory WRAP malloc)
unit_test(keyblob LIBS inventory)
unit_test(wire LIBS inventory)
unit_test(bcrypt_kdf LIBS inventory PkgConfig::CRYPTO)
foreach(test identity identity_ill)
  unit_test(${test} SOURCES identity_fixture.c key_fixture.c
            LIBS inventory PkgConfig::CRYPTO)
endforeach()
unit_test(agent SOURCES agent_fixture.c LIBS inventory
          WRAP poll clock_gettime)
unit_test(agent_many SOURCES agent_fixture.c key_fixture.c
          LIBS inventory PkgConfig::CRYPTO)
unit_test(field LIBS inventory)
unit_test(record LIBS inventory WRAP calloc free)
unit_test(wait LIBS inventory WRAP poll)
foreach(test tcp tcp_race)
  unit_test(${test} SOURCES tcp_watch.c LIBS inventory
            WRAP poll connect socket)
endforeach()
unit_test(pace LIBS inventory WRAP clock_gettime ppoll __ppoll_chk calloc)
unit_test(pace_limit LIBS inventory)
unit_test(pace_drops LIBS inventory)
unit_test(dial LIBS inventory)
unit_test(resolve LIBS inventory WRAP poll __poll_chk)
unit_test(ssh_algorithms LIBS inventory PkgConfig::SSH2)
# The fake session takes the place of ssh.c and ssh_channel.c in the library.
unit_test(probe SOURCES fake_ssh.c fake_jump.c LIBS inventory)
unit_test(probe_again SOURCES fake_ssh.c fake_jump.c LIBS inventory)
unit_test(probe_answer SOURCES fake_ssh.c fake_jump.c LIBS inventory)
unit_test(probe_pace SOURCES fake_ssh.c fake_jump.c LIBS inventory
          WRAP clock_gettime ppoll __ppoll_chk)
# Whole probes of the fleet's hosts.
unit_test(memory SOURCES fleet/process.c LIBS inventory PkgConfig::CRYPTO
          WRAP malloc calloc realloc poll CRYPTO_set_mem_functions)
unit_test(leak SOURCES fleet/process.c LIBS inventory
          WRAP malloc calloc realloc free clock_gettime)
# The real session against real servers: the hosts of the fleet.
set(SSH_WATCH_WRAP clock_gettime close free poll setsockopt shutdown
  libssh2_channel_open_ex libssh2_channel_read_ex libssh2_session_free
  libssh2_session_init_ex libssh2_userauth_list)
foreach(test ssh ssh_end ssh_login)
  unit_test(${test} SOURCES ssh_watch.c fleet/process.c
            LIBS inventory PkgConfig::SSH2 WRAP ${SSH_WATCH_WRAP})
endforeach()
unit_test(ssh_login_guard SOURCES ssh_watch.c fleet/process.c
          LIBS inventory PkgConfig::SSH2
          WRAP ${SSH_WATCH_WRAP} send
          libssh2_userauth_keyboard_interactive_ex)
unit_test(ssh_key SOURCES agent_fixture.c key_fixture.c fleet/process.c
          LIBS inventory PkgConfig::CRYPTO)
# Through the fleet's hosts as jump hosts.
unit_test(jump SOURCES jump_fixture.c fleet/process.c LIBS inventory)
unit_test(jump_ill SOURCES jump_fixture.c fleet/process.c
          LIBS inventory PkgConfig::SSH2 WRAP libssh2_session_last_error recv)
unit_test(jump_many SOURCES jump_fixture.c fleet/process.c
          LIBS inventory WRAP ssh_wants_aead ssh_only_aead)
foreach(test jump jump_ill jump_many)
  target_compile_definitions(test_${test} PRIVATE
                             FLEET_PROGRAM="$<TARGET_FILE:fleet>")
  add_dependencies(test_${test} fleet)
endforeach()
# Through one that answers when it should not.
add_executable(late_host late_host.c)
target_link_libraries(late_host PRIVATE PkgConfig::LIBSSH build_flags)
unit_test(jump_left SOURCES jump_fixture.c fleet/process.c LIBS inventory)
target_compile_definitions(test_jump_left PRIVATE
                           FLEET_PROGRAM="$<TARGET_FILE:late_host>")
add_dependencies(test_jump_left late_host)
# The same, and recv() for what happens to bytes on their way.
unit_test(ssh_trap SOURCES ssh_watch.c fleet/process.c
          LIBS inventory PkgConfig::SSH2 WRAP ${SSH_WATCH_WRAP} recv)
foreach(test memory leak ssh ssh_end ssh_key ssh_login ssh_login_guard
        ssh_trap)
  target_compile_definitions(test_${test} PRIVATE
                             FLEET_PROGRAM="$<TARGET_FILE:fleet>")
  add_dependencies(test_${test} fleet)
endforeach()
