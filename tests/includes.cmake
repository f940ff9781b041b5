# Who may include whom. Everything points down to ir; nothing in runtime/ below cli knows that YAML exists.
# A row: FOLDER|what it may include beside its own folder: folders, single headers, and <system headers> that are
# not everybody's. A library header that no row names is nobody's.
set(table
  "runtime/base|<Random123/.*>"
  "runtime/ir|base"
  "runtime/kern|base ir/ir.h <cblas.h> <lapack.*> <omp.h> <oneapi/dnnl/.*> <pthread.h> <sched.h> <immintrin.h>"
  "runtime/ops|base ir kern build.h <immintrin.h>"
  "runtime/grad|base ir build.h ops/attrs.h"
  "runtime/pass|base ir build.h ops/attrs.h"
  "runtime/plan|base ir"
  "runtime/exec|base ir plan build.h kern/kern.h"
  "datasets|base ir <png.h> <jpeglib.h> <jerror.h> <stb_image_resize.h> <zlib.h> <zip.h>"
  "runtime/out|base ir kern/kern.h <png.h> <zlib.h> <zip.h> <cairo/?.*> <gif_lib.h>"
  "runtime/train|base ir build.h ops/attrs.h grad pass plan exec kern/kern.h datasets/dataset.h out/out.h <jansson.h> <pthread.h> <zlib.h>"
  "parser|base ir build.h ops/attrs.h grad/grad.h train/training.h train/checkpoint.h datasets/dataset.h out/out.h <yaml.h>"
  "runtime/cli|.*")
set(everybodys "<(assert|ctype|dirent|errno|fcntl|float|fnmatch|fts|inttypes|libgen|limits|locale|malloc|math|setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|unistd|sys/[a-z]+)[.]h>")
set(wrong 0)

foreach(row ${table})
  string(REGEX MATCH "^([^|]*)[|](.*)$" all "${row}")
  set(folder ${CMAKE_MATCH_1})
  string(REPLACE " " ";" allowed "${CMAKE_MATCH_2}")
  get_filename_component(own ${folder} NAME)
  file(GLOB files ${SOURCE}/${folder}/*.[ch])
  foreach(file ${files})
    file(STRINGS ${file} lines REGEX "^ *# *include")
    foreach(line ${lines})
      string(REGEX MATCH "[\"<][^\">]*[\">]" what "${line}")
      string(REPLACE "\"" "" what "${what}")
      set(good FALSE)
      if(what MATCHES "^(${everybodys}|${own}/.*)$")
        set(good TRUE)
      endif()
      foreach(one ${allowed})
        if(what MATCHES "^${one}(/.*)?$")
          set(good TRUE)
        endif()
      endforeach()
      if(what STREQUAL "<yaml.h>" AND NOT file MATCHES "/parser/doc.c$")
        set(good FALSE)
      endif()
      if(NOT good)
        file(RELATIVE_PATH short ${SOURCE} ${file})
        message("${short}: may not include ${what}")
        math(EXPR wrong "${wrong} + 1")
      endif()
    endforeach()
  endforeach()
endforeach()
if(wrong)
  message(FATAL_ERROR "${wrong} includes against the table of tests/includes.cmake")
endif()
