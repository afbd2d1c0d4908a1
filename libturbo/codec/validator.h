/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_VALIDATOR_H
#define TURBO__CODEC_VALIDATOR_H

/*
 * Limits of a validation. The function itself is public: turbo_schema_validate().
 */

enum {
    /** Schemas inside one another along one way through a document, those for the same value
     * counted, hence the bound of the recursion. Beyond it: TURBO_ELIMIT. */
    TURBO__VALIDATOR_DEPTH_MAX = 2048,
    /** Errors that are reported for one document; validation ends with the last of them. */
    TURBO__VALIDATOR_ERRORS_MAX = 1000
};

#endif
