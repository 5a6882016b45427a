import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { takeToken } from "./api/client";
import { App } from "./App";
import "./index.css";
import { startPrefs } from "./lib/prefs";
import { ErrorBoundary } from "./parts/ErrorBoundary";
import { followEvents } from "./store/events";
import { persistForms } from "./store/form";
import { queryClient } from "./store/queries";
import { persistPictures } from "./store/uploads";

takeToken();
startPrefs();
persistForms();
persistPictures();
void followEvents();
const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <ErrorBoundary>
      <QueryClientProvider client={queryClient}>
        <App />
      </QueryClientProvider>
    </ErrorBoundary>,
  );
