include(GNUInstallDirs)
install(TARGETS tenond tenon tenon-courier tenon-keyctl tenon-repo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES policies/default.toml policies/lab.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/tenon/policies)
install(FILES integration/systemd/tenond.service integration/systemd/tenon-courier.service
              integration/systemd/tenon-courier.socket integration/systemd/tenon-before-services.service DESTINATION lib/systemd/system)

# Man pages are written in scdoc's form; without scdoc there are none.
find_program(SCDOC scdoc)
if(SCDOC)
  file(GLOB manuals CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/docs/man ${CMAKE_SOURCE_DIR}/docs/man/*.scd)
  foreach(manual IN LISTS manuals)
    string(REGEX REPLACE "\\.scd$" "" page ${manual})
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/${page} DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/${manual}
                       COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
                       COMMAND sh -c "\"$1\" <\"$2\" >\"$3\"" -- ${SCDOC} ${CMAKE_SOURCE_DIR}/docs/man/${manual}
                               ${CMAKE_BINARY_DIR}/man/${page}
                       VERBATIM)
    list(APPEND pages ${CMAKE_BINARY_DIR}/man/${page})
  endforeach()
  add_custom_target(manuals ALL DEPENDS ${pages})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
