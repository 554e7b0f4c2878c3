import { lazy, useEffect } from "react";
import { I18nProvider } from "react-aria-components";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { Login } from "../features/login/Login";
import { useLocale } from "../i18n";
import { ReauthPrompt } from "../session/ReauthPrompt";
import { GuestsOnly, RequireAuth } from "../session/RequireAuth";
import { GuestLayout } from "./GuestLayout";
import { MemberLayout } from "./MemberLayout";
import { NotFound } from "./NotFound";

// Pages are loaded on demand, except the login, where most visits start.
const Register = lazy(async () => ({ default: (await import("../features/login/Register")).Register }));
const RequestReset = lazy(async () => ({ default: (await import("../features/recovery/RequestReset")).RequestReset }));
const ResetPassword = lazy(async () => ({
  default: (await import("../features/recovery/ResetPassword")).ResetPassword,
}));
const AcceptInvitation = lazy(async () => ({
  default: (await import("../features/recovery/ResetPassword")).AcceptInvitation,
}));
const ResendVerification = lazy(async () => ({
  default: (await import("../features/recovery/ResendVerification")).ResendVerification,
}));
const VerifyEmail = lazy(async () => ({ default: (await import("../features/recovery/VerifyEmail")).VerifyEmail }));
const ConfirmEmail = lazy(async () => ({ default: (await import("../features/recovery/VerifyEmail")).ConfirmEmail }));
const Dashboard = lazy(async () => ({ default: (await import("../features/account/Dashboard")).Dashboard }));
const AccountLayout = lazy(async () => ({
  default: (await import("../features/account/AccountLayout")).AccountLayout,
}));
const Profile = lazy(async () => ({ default: (await import("../features/account/Profile")).Profile }));
const ChangeEmail = lazy(async () => ({ default: (await import("../features/account/ChangeEmail")).ChangeEmail }));
const ChangePassword = lazy(async () => ({
  default: (await import("../features/account/ChangePassword")).ChangePassword,
}));
const Sessions = lazy(async () => ({ default: (await import("../features/account/Sessions")).Sessions }));
const YourData = lazy(async () => ({ default: (await import("../features/account/YourData")).YourData }));
const Users = lazy(async () => ({ default: (await import("../features/admin/Users")).Users }));
const UserPage = lazy(async () => ({ default: (await import("../features/admin/UserPage")).UserPage }));
const AuditTrail = lazy(async () => ({ default: (await import("../features/admin/AuditTrail")).AuditTrail }));
const Activity = lazy(async () => ({ default: (await import("../features/account/Activity")).Activity }));

export function App() {
  const locale = useLocale();
  useEffect(() => {
    document.documentElement.lang = locale;
  }, [locale]);
  return (
    <I18nProvider locale={locale}>
      <BrowserRouter basename={import.meta.env.BASE_URL}>
        <Routes>
          <Route element={<GuestLayout />}>
            <Route element={<GuestsOnly />}>
              <Route path="login" element={<Login />} />
              <Route path="register" element={<Register />} />
              <Route path="request-reset" element={<RequestReset />} />
            </Route>
            {/* The targets of mailed links, which work with and without a session. */}
            <Route path="verify" element={<VerifyEmail />} />
            <Route path="confirm-email" element={<ConfirmEmail />} />
            <Route path="reset-password" element={<ResetPassword />} />
            <Route path="accept-invitation" element={<AcceptInvitation />} />
            <Route path="resend" element={<ResendVerification />} />
            <Route path="*" element={<NotFound />} />
          </Route>
          <Route element={<RequireAuth />}>
            <Route element={<MemberLayout />}>
              <Route index element={<Dashboard />} />
              <Route path="account" element={<AccountLayout />}>
                <Route index element={<Navigate to="profile" replace />} />
                <Route path="profile" element={<Profile />} />
                <Route path="email" element={<ChangeEmail />} />
                <Route path="password" element={<ChangePassword />} />
                <Route path="sessions" element={<Sessions />} />
                <Route path="activity" element={<Activity />} />
                <Route path="data" element={<YourData />} />
              </Route>
              <Route path="admin" element={<Users />} />
              <Route path="admin/audit" element={<AuditTrail />} />
              <Route path="admin/users/:id" element={<UserPage />} />
            </Route>
          </Route>
        </Routes>
        <ReauthPrompt />
      </BrowserRouter>
    </I18nProvider>
  );
}
