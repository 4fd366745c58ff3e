# What `make install` and the Debian package contain. Man pages and completion come from the option tables: manual.c.
add_executable(gad_manual packaging/manual.c)
target_include_directories(gad_manual PRIVATE src)
target_link_libraries(gad_manual PRIVATE gad_cli)
set(GAD_MANUAL ${CMAKE_BINARY_DIR}/manual)
add_custom_command(OUTPUT ${GAD_MANUAL}/gad.bash ${GAD_MANUAL}/_gad ${GAD_MANUAL}/man1/gad.1
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${GAD_MANUAL}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${GAD_MANUAL}/man1
  COMMAND gad_manual man ${GAD_MANUAL}/man1
  COMMAND gad_manual bash ${GAD_MANUAL}/gad.bash
  COMMAND gad_manual zsh ${GAD_MANUAL}/_gad
  DEPENDS gad_manual VERBATIM)
add_custom_target(manual ALL DEPENDS ${GAD_MANUAL}/gad.bash)

install(TARGETS gad RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT gad)
install(TARGETS libgad libgad_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT gad
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT gad)
if(TARGET gad_mpi)
  install(TARGETS gad_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/gad COMPONENT mpi)
endif()
if(TARGET gad_cuda) # optional: a build of some targets has not made it
  install(PROGRAMS ${CMAKE_BINARY_DIR}/gad_cuda.so DESTINATION ${CMAKE_INSTALL_LIBDIR}/gad COMPONENT cuda OPTIONAL)
endif()
install(FILES include/gad.h include/gad_base.h include/gad_train.h include/gad_bench.h include/gad_data.h
              include/gad_product.h include/gad_serve.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT gad)
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/gad/models COMPONENT gad)
install(DIRECTORY ${GAD_MANUAL}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT gad)
install(FILES ${GAD_MANUAL}/gad.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME gad
  COMPONENT gad)
install(FILES ${GAD_MANUAL}/_gad DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT gad)
install(FILES packaging/gad.service DESTINATION lib/systemd/system COMPONENT gad)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/gad COMPONENT gad)
install(FILES README.md CHANGELOG.md docs/example.c DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/gad COMPONENT gad)
# The prefix may be given when it is installed (cmake --install --prefix), so the file is filled then.
# Libs.private instead of Requires.private: who links with the shared library needs no development files of its libraries.
list(TRANSFORM GAD_DEPS_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE GAD_STATIC_LIBRARIES)
list(JOIN GAD_STATIC_LIBRARIES " " GAD_STATIC_LIBRARIES)
install(CODE "set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
set(PROJECT_VERSION \"${PROJECT_VERSION}\")
set(GAD_STATIC_LIBRARIES \"${GAD_STATIC_LIBRARIES}\")
set(OpenMP_C_FLAGS \"${OpenMP_C_FLAGS}\")
configure_file(\"${CMAKE_SOURCE_DIR}/packaging/gad.pc.in\" \"${CMAKE_BINARY_DIR}/gad.pc\" @ONLY)" COMPONENT gad)
install(FILES ${CMAKE_BINARY_DIR}/gad.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT gad)

# Debian packages: gad, and gad-mpi and gad-cuda with the plugins, so that gad alone needs neither MPI nor CUDA.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gad)
set(CPACK_PACKAGE_CONTACT "gad maintainers <gad@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "general anomaly detection with a reasoning multimodal model")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL gad)
if(TARGET gad_mpi)
  list(APPEND CPACK_COMPONENTS_ALL mpi)
endif()
if(TARGET gad_cuda)
  list(APPEND CPACK_COMPONENTS_ALL cuda)
endif()
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_GAD_PACKAGE_NAME gad)
set(CPACK_DEBIAN_GAD_PACKAGE_RECOMMENDS libcurl4) # opened when a server is asked
set(CPACK_DEBIAN_GAD_PACKAGE_SUGGESTS libmosquitto1) # opened when results go to a broker
set(CPACK_DEBIAN_GAD_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/triggers)
set(CPACK_DEBIAN_MPI_PACKAGE_NAME gad-mpi)
set(CPACK_DEBIAN_MPI_DESCRIPTION "gad: training in several processes under mpirun")
set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "gad (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_CUDA_PACKAGE_NAME gad-cuda)
set(CPACK_DEBIAN_CUDA_DESCRIPTION "gad: models on NVIDIA GPUs")
set(CPACK_DEBIAN_CUDA_PACKAGE_DEPENDS "gad (= ${PROJECT_VERSION})")
include(CPack)
