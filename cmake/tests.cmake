# Every tests/<room>/test_*.c is one cmocka program and one ctest entry. Other .c files of a test folder (helpers shared
# by its tests) are linked into each of them. tests/support holds helpers for all, and tests/op/reference*.c, the fp64
# filling of the op table, and tests/model/golden.c, the reader of golden fixtures, are for all too.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
# The yardstick of matrix products, in the flavour of OpenMP, so that there is one owner of threads.
find_library(GAD_OPENBLAS openblas PATH_SUFFIXES openblas-openmp REQUIRED)
find_path(GAD_OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES openblas-openmp x86_64-linux-gnu/openblas-openmp openblas REQUIRED)
if(GAD_SANITIZE)
  set(GAD_TEST_SHORT ";GAD_TEST_SHORT=1") # see tests/support/support.h
endif()
file(GLOB GAD_TEST_SUPPORT CONFIGURE_DEPENDS tests/support/*.c tests/op/reference*.c tests/model/golden.c)
file(GLOB GAD_TEST_FOLDERS CONFIGURE_DEPENDS LIST_DIRECTORIES true tests/*)
foreach(folder ${GAD_TEST_FOLDERS})
  get_filename_component(room ${folder} NAME)
  file(GLOB programs CONFIGURE_DEPENDS ${folder}/test_*.c)
  file(GLOB helpers CONFIGURE_DEPENDS ${folder}/*.c)
  list(FILTER helpers EXCLUDE REGEX "/((test|fuzz)_[^/]*|reference[^/]*\\.c|golden\\.c)$")
  if(room STREQUAL "support")
    set(helpers)
  endif()
  if(room STREQUAL "e2e") # fake dataset trees
    list(APPEND helpers ${CMAKE_SOURCE_DIR}/tests/data/fake.c)
  endif()
  if(room STREQUAL "device") # tasks for training
    list(APPEND helpers ${CMAKE_SOURCE_DIR}/tests/train/quadrant.c)
  endif()
  foreach(program ${programs})
    get_filename_component(name ${program} NAME_WE)
    set(target ${room}_${name})
    add_executable(${target} ${program} ${helpers} ${GAD_TEST_SUPPORT})
    target_include_directories(${target} PRIVATE src include tests)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE GAD_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
      GAD_BINARY_DIR="${CMAKE_BINARY_DIR}" GAD_TEST_TMP="${CMAKE_BINARY_DIR}/tmp/${target}")
    target_link_libraries(${target} PRIVATE libgad PkgConfig::CMOCKA)
    if(room STREQUAL "op")
      target_include_directories(${target} SYSTEM PRIVATE ${GAD_OPENBLAS_INCLUDE})
      target_link_libraries(${target} PRIVATE ${GAD_OPENBLAS} gad_cuda_host)
    endif()
    if(room STREQUAL "device") # which adds a device to those that names open
      target_link_options(${target} PRIVATE -Wl,--wrap=gad_device_open)
      target_link_libraries(${target} PRIVATE gad_cuda_host)
    endif()
    if(room STREQUAL "cli")
      target_link_libraries(${target} PRIVATE gad_cli)
    endif()
    add_dependencies(${target} gad)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/tmp/${target})
    add_test(NAME ${target} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${target} PROPERTIES TIMEOUT 900 ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive${GAD_TEST_SHORT}")
  endforeach()
endforeach()

# The ladder of rooms: an include that goes up fails.
add_test(NAME rooms COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/check_rooms.cmake)
# No circle of files within a room; no file and no function that is too long to be read at once.
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/objects.txt CONTENT
  "$<JOIN:$<TARGET_OBJECTS:gad_objects>,\n>\n$<JOIN:$<TARGET_OBJECTS:gad_cli>,\n>\n")
add_test(NAME circles COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DNM=${CMAKE_NM}
  -DOBJECTS=${CMAKE_BINARY_DIR}/objects.txt -P ${CMAKE_SOURCE_DIR}/cmake/check_circles.cmake)
add_test(NAME sizes COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -P ${CMAKE_SOURCE_DIR}/cmake/check_sizes.cmake)
# The example of the documentation compiles, with the public header alone, and runs.
add_executable(docs_example ${CMAKE_SOURCE_DIR}/docs/example.c)
target_link_libraries(docs_example PRIVATE libgad)
add_test(NAME docs_example COMMAND docs_example tests/fixtures/images/plate.png tests/fixtures/images/bolt.png
  tests/fixtures/qwen25/model WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})

# The shared library exports what the headers declare, and nothing else.
add_test(NAME symbols COMMAND sh ${CMAKE_SOURCE_DIR}/tests/install/symbols.sh ${CMAKE_SOURCE_DIR} $<TARGET_FILE:libgad_shared>)

# An installed tree, used as a stranger would. A sanitizer's library cannot be linked with a program that has none.
if(NOT GAD_SANITIZE)
  add_test(NAME install COMMAND sh ${CMAKE_SOURCE_DIR}/tests/install/install.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}
    ${CMAKE_C_COMPILER})
  set_tests_properties(install PROPERTIES ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
  # The documents against the program: options and commands exist, the README's lines run.
  add_test(NAME commands COMMAND sh ${CMAKE_SOURCE_DIR}/tests/install/commands.sh ${CMAKE_SOURCE_DIR} $<TARGET_FILE:gad>)
  set_tests_properties(commands PROPERTIES ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
endif()

# Real programs against the server, where make peers has installed them.
add_test(NAME peers COMMAND sh ${CMAKE_SOURCE_DIR}/cmake/peers.sh ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(peers PROPERTIES ENVIRONMENT "OMP_WAIT_POLICY=passive${GAD_TEST_SHORT}")

# The Python module and its wheel, where Python is installed. A sanitizer's library cannot be opened by a program that has none.
if(NOT GAD_SANITIZE)
  add_test(NAME python COMMAND sh ${CMAKE_SOURCE_DIR}/tests/python/python.sh ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}
    ${CMAKE_C_COMPILER})
  set_tests_properties(python PROPERTIES ENVIRONMENT "OMP_NUM_THREADS=2;OMP_WAIT_POLICY=passive")
endif()
