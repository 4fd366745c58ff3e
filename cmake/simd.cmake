# Kernels for one instruction set live in files named *_avx2.c, *_avxvnni.c, *_avx512.c,
# *_avx512vnni.c and *_avx512bf16.c, on 64-bit ARM *_neondot.c, *_neoni8mm.c and *_neonbf16.c; they are compiled for it
# and chosen at run time. Every other file stays at the base level of the architecture.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  foreach(source ${GAD_SOURCES})
    if(source MATCHES "_avx2\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
    elseif(source MATCHES "_avxvnni\\.c$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c;-mavxvnni")
    elseif(source MATCHES "_avx512(|vnni|bf16)\\.c$")
      set(extra "${CMAKE_MATCH_1}")
      set(options "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx2;-mfma;-mf16c;-mprefer-vector-width=512")
      if(extra)
        list(APPEND options "-mavx512${extra}")
      endif()
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${options}")
    endif()
  endforeach()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  foreach(source ${GAD_SOURCES})
    if(source MATCHES "_neon(dot|i8mm|bf16)\\.c$")
      string(REPLACE "dot" "dotprod" extra "${CMAKE_MATCH_1}")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-march=armv8.2-a+${extra}")
    endif()
  endforeach()
endif()
# a*b+c must not become one rounding: weights must come out to the last bit as in Pillow and torchvision (resize), and
# activations must be rounded alike on every processor (quant).
set_source_files_properties(${GAD_ROOT}/src/io/resize.c ${GAD_ROOT}/src/op/quant.c
  PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
