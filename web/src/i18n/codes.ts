import type {
  ChangePasswordError,
  ConfirmEmailError,
  CreateUserError,
  DeleteAccountError,
  DeleteUserError,
  DisableUserError,
  EnableUserError,
  EndSessionError,
  EndUserSessionError,
  ExportAccountError,
  FieldError,
  GetActivityError,
  GetCurrentUserError,
  GetUserError,
  ListAuditEventsError,
  ListSessionsError,
  ListUsersError,
  LoginError,
  MarkEmailVerifiedError,
  ReauthenticateError,
  RegisterError,
  RequestResetError,
  ResendVerificationError,
  ResetPasswordError,
  SendPasswordResetError,
  SetUserRoleError,
  UpdateProfileError,
  VerifyEmailError,
} from "@client/types.gen";
import type { LocalCode } from "../api/failure";

type AppError =
  | ListAuditEventsError
  | GetActivityError
  | SetUserRoleError
  | SendPasswordResetError
  | MarkEmailVerifiedError
  | ListUsersError
  | GetUserError
  | EndUserSessionError
  | EnableUserError
  | DisableUserError
  | DeleteUserError
  | CreateUserError
  | ChangePasswordError
  | ConfirmEmailError
  | DeleteAccountError
  | EndSessionError
  | ExportAccountError
  | GetCurrentUserError
  | ListSessionsError
  | LoginError
  | ReauthenticateError
  | RegisterError
  | RequestResetError
  | ResendVerificationError
  | ResetPasswordError
  | UpdateProfileError
  | VerifyEmailError;

/** Every code that a call of this app can fail with. A new one in the contract does not compile without its sentence. */
export type Code = AppError["code"] | LocalCode;

/** Every rule that a field can break. */
export type FieldCode = FieldError["code"];
