import { createRoot } from "react-dom/client";
import { takeToken } from "./api/client";
import { App } from "./App";
import "./index.css";
import { Mishap } from "./parts/Mishap";
import { startEasel } from "./store/easel";
import { startPrefs } from "./store/prefs";
import { follow } from "./store/studio";

takeToken();
startPrefs();
startEasel();
void follow();
const root = document.getElementById("root");
if (root) createRoot(root).render(
    <Mishap>
      <App />
    </Mishap>,
  );
