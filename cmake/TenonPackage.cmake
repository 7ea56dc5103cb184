# The library for other projects: find_package(Tenon) gives tenon::metadata, tenon::policies and tenon::workflow.
include(CMakePackageConfigHelpers)

# tenon_install_box(<folder> <name>): the box as tenon::<name>, with its headers.
function(tenon_install_box folder name)
  _tenon_box_name(${folder} box)
  set_target_properties(tenon_${box} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(tenon_${box} PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(tenon_${box} PUBLIC cxx_std_20)
  install(TARGETS tenon_${box} EXPORT TenonTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tenon/${folder}
          COMPONENT library FILES_MATCHING PATTERN "*.h")
endfunction()

tenon_install_box(metadata metadata)
tenon_install_box(policies policies)
tenon_install_box(client/workflow workflow)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Tenon)
install(EXPORT TenonTargets NAMESPACE tenon:: DESTINATION ${package} COMPONENT library)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TenonConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/TenonConfig.cmake ${CMAKE_BINARY_DIR}/TenonConfigVersion.cmake
        DESTINATION ${package} COMPONENT library)
