#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A virtual environment with the engines that Transom is compared with.   usage: bench/peers/setup.sh [FOLDER]
# llama-cpp-python is compiled for this machine (about 4 minutes on 2 cores); the others are wheels.
#
#   LLAMA_ARCHITECTURE="-DGGML_NATIVE=OFF -DGGML_AVX512=ON ..."   instead of -DGGML_NATIVE=ON: compiled by GCC 12, its product by
#                                                                 AMX tiles dies of an illegal instruction
set -euo pipefail
folder="${1:-build/peers/venv}"
python3 -m venv "$folder"
pip="$folder/bin/pip"
"$pip" install -q --upgrade pip
"$pip" install -q torch transformers==5.5.4 numpy safetensors tokenizers sentencepiece gguf==0.19.0 \
  ctranslate2==4.8.5 openvino-genai==2026.4.1.0 optimum-intel==2.2.0 nncf==3.4.0 \
  onnxruntime-genai==0.18.0 onnxruntime==1.32.0 onnx onnx_ir scikit-build-core ninja cmake
CMAKE_ARGS="${LLAMA_ARCHITECTURE:--DGGML_NATIVE=ON} -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF \
-DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF" "$pip" install -q --no-build-isolation llama-cpp-python==0.3.36
echo "$folder"
