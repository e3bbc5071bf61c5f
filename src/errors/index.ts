export { ERROR_CODES, EXIT, type ErrorCode } from './codes.js';
export { isServerError, serializeError, type SerializedError } from './serialize.js';
export { isTenantsError, TenantsError, type ErrorDetails, type TenantsErrorOptions } from './tenants-error.js';
