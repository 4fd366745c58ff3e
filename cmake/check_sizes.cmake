# Fails on a file of more than 600 lines under src and include, or a function whose body (between braces in column one) has
# more than 80.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/src/*.c ${ROOT}/src/*.h ${ROOT}/src/*.cu ${ROOT}/src/*.cuh ${ROOT}/include/*.h)
set(program [[
  FNR == 1 { start = 0 }
  FNR == 601 { print FILENAME ": over 600 lines" }
  /^{/ { start = FNR }
  /^}/ { if (start && FNR - start - 1 > 80) print FILENAME ":" start ": a function of " FNR - start - 1 " lines"; start = 0 }
]])
execute_process(COMMAND awk "${program}" ${files} WORKING_DIRECTORY ${ROOT} OUTPUT_VARIABLE bad RESULT_VARIABLE result)
if(result OR bad)
  message(FATAL_ERROR "too long to be read at once:\n${bad}")
endif()
list(LENGTH files count)
message(STATUS "sizes: ${count} files")
