# Every header compiles alone: whoever includes it needs to know nothing else.
file(GLOB headers RELATIVE ${SOURCE} ${SOURCE}/runtime/*/*.h ${SOURCE}/parser/*.h ${SOURCE}/datasets/*.h ${SOURCE}/tests/*.h)
set(wrong 0)
foreach(header ${headers})
  execute_process(COMMAND ${CC} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fopenmp -fsyntax-only
    -I${SOURCE}/runtime -I${SOURCE} -I${BUILD}/generated -include ${SOURCE}/${header} -x c /dev/null
    RESULT_VARIABLE result ERROR_VARIABLE said)
  if(result)
    message("${header}:\n${said}")
    math(EXPR wrong "${wrong} + 1")
  endif()
endforeach()
if(wrong)
  message(FATAL_ERROR "${wrong} headers do not compile alone")
endif()
