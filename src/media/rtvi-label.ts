/** What marks an RTVI message among other application messages. */
export const RTVI_LABEL = 'rtvi-ai';
