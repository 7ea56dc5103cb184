include(GNUInstallDirs)
install(TARGETS tenond tenon tenon-keyctl tenon-repo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES policies/default.toml policies/lab.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/tenon/policies)
install(FILES integration/systemd/tenond.service DESTINATION lib/systemd/system)
