# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/transom")
install(TARGETS transom EXPORT transom-targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")

# Beside libtransom, which looks for it there.
if(TRANSOM_CUDA)
  install(TARGETS transom_cuda LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endif()

# A oneDNN that was unpacked inside the project (build/deps) is no part of the system: it travels with the library, in a
# folder of its own, where the run path finds it.
if(dnnl_FOUND AND BUILD_SHARED_LIBS)
  foreach(property IMPORTED_LOCATION_RELEASE IMPORTED_LOCATION)
    get_target_property(dnnl_library DNNL::dnnl ${property})
    if(dnnl_library)
      break()
    endif()
  endforeach()
  string(FIND "${dnnl_library}" "${PROJECT_SOURCE_DIR}/" at)
  if(at EQUAL 0)
    get_filename_component(dnnl_file "${dnnl_library}" REALPATH)
    install(FILES "${dnnl_file}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/transom" RENAME libdnnl.so.3)
    set_target_properties(transom PROPERTIES INSTALL_RPATH "$ORIGIN/transom")
  endif()
endif()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/transom" "${PROJECT_BINARY_DIR}/include/transom"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT transom-targets NAMESPACE transom:: DESTINATION "${config_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/transom-config.cmake.in"
  "${PROJECT_BINARY_DIR}/transom-config.cmake" INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/transom-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/transom-config.cmake" "${PROJECT_BINARY_DIR}/transom-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindOniguruma.cmake" "${PROJECT_SOURCE_DIR}/cmake/Findutf8proc.cmake"
  DESTINATION "${config_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
