# The CUDA filling of the op table (src/op/cuda) twice: kernels on the processor for the judge in the tests, by the C++
# compiler, and the plugin gad_cuda.so, by nvcc. GAD_CUDA: ON, OFF, or AUTO: ON where nvcc is found.
set(GAD_CUDA AUTO CACHE STRING "build the CUDA plugin: ON, OFF or AUTO")
set(GAD_CUDA_ARCHITECTURES "80;90;100" CACHE STRING "GPU generations that the plugin has code for")
file(GLOB GAD_CUDA_SOURCES CONFIGURE_DEPENDS src/op/cuda/*.cu)

if(NOT GAD_FUZZ) # whose build has no tests of ops, and flags that another compiler may not know
  enable_language(CXX)
  add_library(gad_cuda_host STATIC ${GAD_CUDA_SOURCES})
  set_source_files_properties(${GAD_CUDA_SOURCES} PROPERTIES LANGUAGE CXX)
  target_compile_features(gad_cuda_host PRIVATE cxx_std_17)
  target_compile_definitions(gad_cuda_host PUBLIC GAD_CUDA_HOST)
  target_compile_options(gad_cuda_host PRIVATE -fno-exceptions -fno-rtti -Wno-unknown-pragmas
    -Wno-missing-field-initializers -Wno-unused-function) # of headers' static functions a file needs some
  target_include_directories(gad_cuda_host PRIVATE src include)
endif()

if((GAD_CUDA STREQUAL "AUTO" OR GAD_CUDA) AND NOT GAD_SANITIZE AND NOT GAD_FUZZ) # one build of it is enough
  find_program(GAD_NVCC nvcc HINTS /usr/local/cuda/bin)
  if(GAD_NVCC)
    set(codes)
    foreach(architecture ${GAD_CUDA_ARCHITECTURES})
      list(APPEND codes -gencode arch=compute_${architecture},code=sm_${architecture})
    endforeach()
    set(flags -std=c++17 -O3 -lineinfo --threads 2 -Werror all-warnings ${codes} -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/src
      -Xcompiler=-fPIC,-fvisibility=hidden,-Wall,-Wextra,-Wshadow,-Wno-missing-field-initializers,-Wno-unused-function)
    set(objects)
    foreach(source ${GAD_CUDA_SOURCES})
      get_filename_component(name ${source} NAME_WE)
      if(name MATCHES "_host$")
        continue()
      endif()
      set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
      add_custom_command(OUTPUT ${object} COMMAND ${GAD_NVCC} ${flags} -MD -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} DEPFILE ${object}.d COMMENT "nvcc ${name}.cu" VERBATIM)
      list(APPEND objects ${object})
    endforeach()
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/cuda)
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/gad_cuda.so
      COMMAND ${GAD_NVCC} -shared -cudart static ${codes} ${objects} -o ${CMAKE_BINARY_DIR}/gad_cuda.so -ldl
      DEPENDS ${objects} COMMENT "linking gad_cuda.so" VERBATIM)
    add_custom_target(gad_cuda ALL DEPENDS ${CMAKE_BINARY_DIR}/gad_cuda.so)
  elseif(GAD_CUDA STREQUAL "AUTO")
    message(STATUS "nvcc not found: no CUDA plugin")
  else()
    message(FATAL_ERROR "GAD_CUDA=ON needs nvcc: install NVIDIA's CUDA toolkit")
  endif()
endif()
