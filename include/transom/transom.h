// SPDX-License-Identifier: Apache-2.0
/// @file
/// The whole public interface.
#pragma once

// So that a first program that prints what it streams needs one include. The other headers do not need it.
#include <iostream>

#include "transom/auto_config.h"
#include "transom/auto_model.h"
#include "transom/auto_tokenizer.h"
#include "transom/config.h"
#include "transom/dtype.h"
#include "transom/error.h"
#include "transom/export.h"
#include "transom/generation.h"
#include "transom/generation_config.h"
#include "transom/log.h"
#include "transom/model.h"
#include "transom/quantize.h"
#include "transom/scoring.h"
#include "transom/session.h"
#include "transom/tokenizer.h"
#include "transom/value.h"
#include "transom/version.h"
#include "transom/watermarking_config.h"
