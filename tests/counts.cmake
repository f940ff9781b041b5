# Trainable parameters of the networks of models/, against counts that their originals state or that follow from their
# layer tables by hand. A row: MODEL|--set of the original's sizes|NETWORK|COUNT
set(table
  "gan_mnist||generator|3574656"
  "gan_mnist|vars.latent=110|generator|3656576"
  "gan_mnist|vars.latent=112|generator|3672960"
  "gan_mnist|vars.latent=2|generator|2771840"
  "gan_mnist||discriminator|2757377"
  "wgan_gp_mnist||generator|3574656"
  "wgan_gp_mnist||critic|2756545"
  "vae||encoder|316404"
  "vae||decoder|316384"
  "stn||classifier|21840"
  "dcgan_faces||generator|3576704"
  "dcgan_faces||discriminator|2765568"
  "cogan||generator|7842694"
  "cogan||discriminator|427593"
  "infogan||generator|3672960"
  "dcgan_poly||generator|273344"
  "dcgan_poly||discriminator|102209"
  "wgan_poly|vars.width=128|critic|6236673"
  "wgan_poly|vars.latent=2|generator|273344")
set(wrong 0)
foreach(row ${table})
  string(REGEX MATCH "^(.*)[|](.*)[|](.*)[|](.*)$" all "${row}")
  set(model ${CMAKE_MATCH_1})
  set(set ${CMAKE_MATCH_2})
  set(network ${CMAKE_MATCH_3})
  set(count ${CMAKE_MATCH_4})
  set(change "")
  if(set)
    set(change --set ${set})
  endif()
  execute_process(COMMAND ${BINARY} show ${SOURCE}/models/${model}.yaml ${change} --json OUTPUT_VARIABLE said
                  COMMAND_ERROR_IS_FATAL ANY)
  string(JSON n LENGTH "${said}" networks)
  math(EXPR last "${n} - 1")
  set(found "none")
  foreach(i RANGE ${last})
    string(JSON name GET "${said}" networks ${i} name)
    if(name STREQUAL network)
      string(JSON found GET "${said}" networks ${i} parameters)
    endif()
  endforeach()
  if(NOT found STREQUAL count)
    message("${model} ${set}: ${network} has ${found} parameters, not ${count}")
    math(EXPR wrong "${wrong} + 1")
  endif()
endforeach()
if(wrong)
  message(FATAL_ERROR "${wrong} counts are wrong")
endif()
