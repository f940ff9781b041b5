# `graphrun schema` against the compiler: tests/schema.py.
find_program(PYTHON python3 REQUIRED)
execute_process(COMMAND ${PYTHON} ${SOURCE}/tests/schema.py ${BINARY} ${SOURCE} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the schema and the compiler differ, or python3-jsonschema and python3-yaml are missing (packages.txt)")
endif()
