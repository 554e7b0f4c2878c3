import { lazy, useEffect } from "react";
import { I18nProvider } from "react-aria-components";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { useLocale } from "./i18n";
import { Login } from "./pages/Login";
import { NotFound } from "./pages/NotFound";
import { AskForPassword } from "./session/AskForPassword";
import { GuestsOnly, RequireAuth } from "./session/RequireAuth";
import { GuestLayout } from "./ui/GuestLayout";
import { Layout } from "./ui/Layout";

// Each page is fetched when somebody goes there. The login is where most begin.
const Register = lazy(async () => ({ default: (await import("./pages/Register")).Register }));
const RequestReset = lazy(async () => ({ default: (await import("./pages/RequestReset")).RequestReset }));
const ResetPassword = lazy(async () => ({ default: (await import("./pages/ResetPassword")).ResetPassword }));
const AcceptInvitation = lazy(async () => ({ default: (await import("./pages/ResetPassword")).AcceptInvitation }));
const Resend = lazy(async () => ({ default: (await import("./pages/Resend")).Resend }));
const Verify = lazy(async () => ({ default: (await import("./pages/Verify")).Verify }));
const ConfirmEmail = lazy(async () => ({ default: (await import("./pages/Verify")).ConfirmEmail }));
const Dashboard = lazy(async () => ({ default: (await import("./pages/Dashboard")).Dashboard }));
const Account = lazy(async () => ({ default: (await import("./pages/account/Account")).Account }));
const Profile = lazy(async () => ({ default: (await import("./pages/account/Profile")).Profile }));
const ChangeEmail = lazy(async () => ({ default: (await import("./pages/account/ChangeEmail")).ChangeEmail }));
const ChangePassword = lazy(async () => ({ default: (await import("./pages/account/ChangePassword")).ChangePassword }));
const Sessions = lazy(async () => ({ default: (await import("./pages/account/Sessions")).Sessions }));
const YourData = lazy(async () => ({ default: (await import("./pages/account/YourData")).YourData }));
const Users = lazy(async () => ({ default: (await import("./pages/admin/Users")).Users }));
const UserPage = lazy(async () => ({ default: (await import("./pages/admin/UserPage")).UserPage }));
const Audit = lazy(async () => ({ default: (await import("./pages/admin/Audit")).Audit }));
const Activity = lazy(async () => ({ default: (await import("./pages/account/Activity")).Activity }));

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
            {/* Links from mails, which work whoever is logged in. */}
            <Route path="verify" element={<Verify />} />
            <Route path="confirm-email" element={<ConfirmEmail />} />
            <Route path="reset-password" element={<ResetPassword />} />
            <Route path="accept-invitation" element={<AcceptInvitation />} />
            <Route path="resend" element={<Resend />} />
            <Route path="*" element={<NotFound />} />
          </Route>
          <Route element={<RequireAuth />}>
            <Route element={<Layout />}>
              <Route index element={<Dashboard />} />
              <Route path="account" element={<Account />}>
                <Route index element={<Navigate to="profile" replace />} />
                <Route path="profile" element={<Profile />} />
                <Route path="email" element={<ChangeEmail />} />
                <Route path="password" element={<ChangePassword />} />
                <Route path="sessions" element={<Sessions />} />
                <Route path="activity" element={<Activity />} />
                <Route path="data" element={<YourData />} />
              </Route>
              <Route path="admin" element={<Users />} />
              <Route path="admin/audit" element={<Audit />} />
              <Route path="admin/users/:id" element={<UserPage />} />
            </Route>
          </Route>
        </Routes>
        <AskForPassword />
      </BrowserRouter>
    </I18nProvider>
  );
}
