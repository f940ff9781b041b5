# What goes wrong outside the program ends it with the exit code that says so, and loses nothing: see tests/trouble.sh.
execute_process(COMMAND sh ${SOURCE}/tests/trouble.sh ${BINARY} ${SOURCE}/models/ring8.yaml ${BUILD}/trouble RESULT_VARIABLE got)
if(NOT got EQUAL 0)
  message(FATAL_ERROR "not every trouble ends as it should")
endif()
