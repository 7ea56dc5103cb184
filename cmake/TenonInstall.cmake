include(GNUInstallDirs)
install(TARGETS tenond tenon tenon-keyctl tenon-repo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES integration/systemd/tenond.service DESTINATION lib/systemd/system)
