# Every header compiles alone: whoever includes it needs to know nothing else.
file(GLOB headers RELATIVE ${SOURCE} ${SOURCE}/runtime/*/*.h ${SOURCE}/parser/*.h ${SOURCE}/datasets/*.h ${SOURCE}/tests/*.h)
execute_process(COMMAND pkg-config --cflags-only-I cairo OUTPUT_VARIABLE cairo OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(cairo)
set(unit ${BUILD}/one_header.c)
set(wrong 0)
foreach(header ${headers})
  set(defined "")
  if(header MATCHES "^tests/")                        # as every test has it
    set(defined "-DBINARY=\"graphrun\"")
  endif()
  file(WRITE ${unit} "#include \"${header}\"\ntypedef int not_empty;\n")
  execute_process(COMMAND ${CC} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fopenmp -fsyntax-only
    ${defined} -I${SOURCE}/runtime -I${SOURCE} -I${BUILD}/generated ${cairo} ${unit}
    RESULT_VARIABLE result ERROR_VARIABLE said)
  if(result)
    message("${header}:\n${said}")
    math(EXPR wrong "${wrong} + 1")
  endif()
endforeach()
if(wrong)
  message(FATAL_ERROR "${wrong} headers do not compile alone")
endif()
