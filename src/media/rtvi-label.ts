/** The `label` of RTVI messages among other application messages. */
export const RTVI_LABEL = 'rtvi-ai';
