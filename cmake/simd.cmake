# Kernels for one instruction set live in files named *_avx2.c and *_avx512.c; they are compiled for it and chosen at run
# time. Every other file stays at the base level of the architecture.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  foreach(source ${GAD_SOURCES})
    if(source MATCHES "_avx2\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
    elseif(source MATCHES "_avx512\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx2;-mfma;-mf16c;-mprefer-vector-width=512")
    endif()
  endforeach()
endif()
# Weights must come out to the last bit as in Pillow and torchvision: a*b+c must not become one rounding.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/io/resize.c PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
